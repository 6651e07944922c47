package blob

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	cloud "gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // s3://bucket
)

// defaultRegion is what servers that know no regions expect to be called with.
const defaultRegion = "us-east-1"

// openS3 opens s3://bucket?region=…, and with endpoint=… a bucket of any
// server that speaks S3. The access key comes from where the AWS SDK looks for
// it (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, the machine's
// role), never from the URL. Other parameters are those of gocloud.dev
// (profile, role, prefix, anonymous, …).
func openS3(ctx context.Context, u *url.URL) (*Store, error) {
	if u.User != nil {
		return nil, errors.New("blob URL: no access key belongs in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	if u.Host == "" || (u.Path != "" && u.Path != "/") {
		return nil, fmt.Errorf("blob URL %s: an S3 URL is s3://bucket and parameters; for a folder of it add prefix=folder/", u)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("blob URL: %w", err)
	}
	if endpoint := q.Get("endpoint"); endpoint != "" {
		if e, err := url.Parse(endpoint); err != nil || e.Host == "" || (e.Scheme != "http" && e.Scheme != "https") {
			return nil, errors.New("blob URL: endpoint must be a URL such as https://storage.example.com")
		}
		// What servers other than Amazon's understand: the bucket in the path
		// instead of the host name, a region of any name, and checksums only
		// where the protocol always had them.
		for name, value := range map[string]string{
			"use_path_style": "true", "region": defaultRegion,
			"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required",
		} {
			if !q.Has(name) {
				q.Set(name, value)
			}
		}
	}
	named := *u
	named.Path, named.RawQuery = "", q.Encode()
	bucket, err := cloud.OpenBucket(ctx, named.String())
	if err != nil {
		return nil, fmt.Errorf("blob URL %s: %w", u, err)
	}
	return &Store{bucket: bucket}, nil
}
