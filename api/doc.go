// Package api is the HTTP transport: dashboard, widget, chat and internal
// endpoints, server-sent events and the WebSocket of the dashboard.
//
// It speaks to the domain's interfaces and starts workflows by name; it must
// not import workflows/, activities/ or any adapter that holds data.
package api
