# Fills whatever it may write to, and tells how much each place took.
for place in / /tmp /var/tmp /build /build/home /dev /dev/shm /etc /run /run/patchbay /usr /usr/local /proc /prepared; do
  for n in 1 2 3; do head -c 200M /dev/zero > "$place/filler$n" || true; done 2>/dev/null
  taken=$(cat "$place"/filler? 2>/dev/null | wc -c)
  rm -f "$place"/filler? 2>/dev/null || true
  echo "$place took $taken"
done
