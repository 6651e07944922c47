// Package progress carries document changes between processes
// (chatconnect.ProgressFeed) over Redis pub/sub, one channel per client.
//
// Nothing is recorded: a reader that may have missed a change has its channel
// closed and takes a fresh snapshot from the database.
//
// It imports the domain, internal/redisconn and go-redis; no other adapter.
package progress
