// Package dynamicconfig holds the dynamic configuration of the Temporal server
// that ChatConnect is tuned for, as the file docker-compose mounts and as bytes
// for the embedded server of the dev module. It imports only the standard
// library, so that no part of the server comes with it.
package dynamicconfig

import _ "embed"

// YAML is the content of chatconnect.yaml, in the server's own format.
//
//go:embed chatconnect.yaml
var YAML []byte
