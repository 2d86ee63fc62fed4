hello = 안녕하세요.
bye = 감사합니다.
