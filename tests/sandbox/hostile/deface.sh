# Writes to whatever might be the host's.
for place in "$CANARY" "/proc/1/root$CANARY" "../../../../../../../..$CANARY" \
  /usr/bin/deface /usr/local/bin/deface /etc/deface /bin/deface /source.git/deface /toolchain/deface \
  /run/patchbay/inside.py /run/patchbay/steps/0 /dev/deface /dev/sda /dev/vda /dev/mem /dev/kmsg /dev/tty \
  /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /sys/kernel/deface; do
  if (echo defaced > "$place") 2> reason; then echo "WROTE $place"; else echo "kept $place: $(tail -c 60 reason)"; fi
done
if (echo -1000 > /proc/self/oom_score_adj) 2>/dev/null; then echo "WROTE oom_score_adj"; else echo "kept oom_score_adj"; fi
