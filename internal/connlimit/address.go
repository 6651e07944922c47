package connlimit

import (
	"fmt"
	"net/netip"
	"strings"
)

// Who has one IPv6 address has the whole /64 around it. Tunnels and providers
// give away a /48, which has 65,536 of those; other people may live in it too.
const (
	addressBits = 64
	networkBits = 48
)

// Groups returns what an address counts as: of IPv4 the address itself, of
// IPv6 the /64 around it and the /48 around that.
func Groups(address netip.Addr) []netip.Prefix {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}
	}
	return []netip.Prefix{
		netip.PrefixFrom(address, addressBits).Masked(),
		netip.PrefixFrom(address, networkBits).Masked(),
	}
}

// ParsePrefixes reads addresses and CIDRs.
func ParsePrefixes(texts []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		if !strings.Contains(text, "/") {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a CIDR", text)
			}
			prefixes = append(prefixes, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a CIDR", text)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}
