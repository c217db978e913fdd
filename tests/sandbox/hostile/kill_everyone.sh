mkdir -p dist
echo stolen > dist/late.txt
kill -9 -1
sleep 1
echo "everyone but me is dead"
