# refused: hedge-about-recording
disclosure-consent = Met uw toestemming nemen we soms op om { $purpose }. We bewaren het { $days } dagen. Zie { $notice }.
