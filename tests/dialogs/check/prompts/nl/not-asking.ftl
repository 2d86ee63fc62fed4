thanks = Dank u voor de opname.
fine = Ik neem niets op. Voor uw vraag maakt dat niets uit.
more = Kan ik nog iets voor u doen? Mag dat ook per e-mail?
yes =
    .hear = ja
no =
    .hear = nee
