// Command chatconnect-dev is ChatConnect with everything around it in one
// process: what `make dev` runs. Its state is in .chatconnect/, or where
// CHATCONNECT_HOME says.
package main

import "github.com/chatconnect/chatconnect/dev/develop"

func main() { develop.Main() }
