// Package blob keeps files (chatconnect.BlobStore) in whatever gocloud.dev/blob
// can open: a directory (file://) now, an object store once its driver is
// imported.
//
// It imports the domain and gocloud.dev; no other adapter.
package blob
