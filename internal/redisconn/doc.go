// Package redisconn connects to Redis for the adapters that use it: a client
// with the timeouts they rely on (Open), and one shared pub/sub connection for
// any number of channels (Hub).
//
// It knows nothing of ChatConnect: it imports go-redis and the standard
// library, never the domain and never another package of this module.
package redisconn
