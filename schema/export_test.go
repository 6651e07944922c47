package schema

var ScramVerifier = scramVerifier
