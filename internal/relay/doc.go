// Package relay carries answers from the workers that write them to the API
// processes that stream them to visitors (chatconnect.Relay), through Redis.
//
// Each message has one Redis stream, which records its events for an hour, and
// one pub/sub channel of the same name, which delivers them live; one Lua call
// writes both. A subscriber first has its channel subscribed, then reads the
// record, then follows the channel; every live event names its predecessor,
// so that a missed one is noticed and read from the record. The record is the
// truth, the channel only saves polling: what it may lose without a trace is
// found by rechecks of the record, 2 s after the last event and ever more rarely,
// at least every 10 to 12.5 s.
//
// It imports the domain, internal/redisconn and go-redis; no other adapter.
package relay
