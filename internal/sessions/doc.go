// Package sessions keeps the dashboard's login sessions in Redis
// (chatconnect.LoginSessions).
//
// A token is 32 random bytes that only the browser has; Redis holds its
// HMAC-SHA256 under the session secret. Whoever reads Redis can't log in with
// what is found there, and whoever can write to it can't make up a session.
//
// It imports the domain and go-redis; no other adapter.
package sessions
