# refused: consent-asked-by-dialog
may-we = Can we record this call? Press one for yes, two for no.
bye = Bye.
yes =
    .hear = yes
no =
    .hear = no
