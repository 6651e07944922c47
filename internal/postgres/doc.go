// Package postgres keeps users, clients, documents and conversations in
// PostgreSQL. It implements the domain's UserStore, ClientStore, DocumentStore
// and ChatStore, and imports the domain and schema only, no other adapter.
//
// Row level security keeps tenants apart even where a query forgets to. Every
// connection becomes the role chatconnect_app, which the policies bind, and
// sees nothing until a transaction names its client (see scope.go). Queries
// are written in schema/queries and generated into sqlcgen; every one of a
// tenant's table names its client as well, which is what indexes start with.
package postgres
