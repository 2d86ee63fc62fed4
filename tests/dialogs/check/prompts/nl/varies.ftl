fixed = Dit is altijd hetzelfde.
# refused: recorded-but-varies
varying = { $hearing ->
    [voice] Zeg maar dag.
   *[keys] Dag.
 }
