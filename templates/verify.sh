set -eu # FILE is what you downloaded, URL where from, KEY the portal's public key that you trust
curl -fsS "$URL.provenance.json" -o envelope.json
jq -r .payload envelope.json | base64 -d >statement.json
jq -r '.signatures[0].sig' envelope.json | base64 -d >signature
type=application/vnd.in-toto+json
printf 'DSSEv1 %d %s %d ' ${#type} $type "$(wc -c <statement.json)" | cat - statement.json >signed
openssl pkeyutl -verify -pubin -inkey "$KEY" -rawin -in signed -sigfile signature
sum=$(sha256sum <"$FILE" | cut -d ' ' -f 1)
jq -e --arg sum "$sum" 'any(.subject[]; .digest.sha256 == $sum)' statement.json
jq .predicate.buildDefinition.resolvedDependencies statement.json
