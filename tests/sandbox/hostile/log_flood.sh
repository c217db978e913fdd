# Talks for ever without ending a line.
tr '\0' 'x' < /dev/zero
