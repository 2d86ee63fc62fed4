disclosure-consent = Met uw toestemming nemen we op om { $purpose }. We bewaren het { $days } dagen. Zie { $notice }.
