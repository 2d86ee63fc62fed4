menu = Wilt u een verhaal horen? Toets één.
thanks = Dank u.
story =
    .hear = vertel maar | ja een verhaal graag
