// Package blob keeps files (chatconnect.BlobStore) in whatever gocloud.dev/blob
// can open: a directory (file://), or a bucket of a server that speaks S3
// (s3://).
//
// It imports the domain and gocloud.dev; no other adapter.
package blob
