thanks = Thank you, goodbye.
