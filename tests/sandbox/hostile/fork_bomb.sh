# Doubles itself for ever, then tells whether it lived to see the end.
b() { b | b & }
b 2>/dev/null
sleep 1
echo "the bomb's mother lives"
