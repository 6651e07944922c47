// Package api is the HTTP transport: dashboard, widget, chat and internal
// endpoints, server-sent events and the WebSocket of the dashboard.
//
// It speaks to the domain's interfaces and starts workflows by name. Of the
// program's packages it imports the domain, temporal/ and internal/telemetry;
// it must not import workflows/, activities/ or any adapter that holds data.
//
// openapi.yaml describes every endpoint; a test compares it with the router,
// and apitest holds real requests and responses to it.
package api
