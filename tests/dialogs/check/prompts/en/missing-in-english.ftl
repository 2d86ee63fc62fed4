both = Thank you.
