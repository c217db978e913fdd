# Ignores every signal that can be ignored, and leaves a child in a session of its own that does so too.
trap '' TERM INT HUP QUIT ALRM PIPE
(trap '' TERM HUP PIPE; setsid sleep "$MARK") &
while :; do sleep "$MARK"; done
