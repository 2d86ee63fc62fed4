hello = Hello, I am the digital assistant of Voorbeeld.
bye = That was it. I am sorry that I am a computer. Bye.
