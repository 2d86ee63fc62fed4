# refused: disclosure-incomplete
disclosure-consent = Met uw toestemming nemen we op om { $purpose }.
