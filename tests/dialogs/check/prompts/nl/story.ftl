menu = Wilt u een verhaal horen? Toets één.
thanks = Dank u.
# refused: sounds-like-a-command
story =
    .hear = verhaal | vertel maar
