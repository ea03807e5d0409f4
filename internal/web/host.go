package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// Loopback tells whether an address to listen on can be reached from this machine alone. The error says that it is no such address: it is an
// IP address, or nothing for every address of the machine, and a port. What a name such as localhost means is up to a file of the machine.
func Loopback(listen string) (bool, error) {
	host, port, err := net.SplitHostPort(listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return false, fmt.Errorf("%q is not an address and a port, such as 127.0.0.1:8420", listen)
	}
	if host == "" {
		return false, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false, fmt.Errorf("%q is not an IP address: name the one of this machine to listen on, such as 127.0.0.1", host)
	}
	return ip.Unmap().IsLoopback(), nil
}

// hostOf is the name in a Host header, in lower case and without its port.
func hostOf(header string) string {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(host, "."), "["), "]"))
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// knowsHost tells whether a request was meant for this server: it was called by a name of loopback, by the name of the configuration, or by
// the address that was connected to. A page that has made a name of its own lead here cannot make its browser send any of these.
func (s *Server) knowsHost(r *http.Request) bool {
	host := hostOf(r.Host)
	if isLoopbackHost(host) || s.cfg.Name != "" && host == strings.ToLower(s.cfg.Name) {
		return true
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || s.loopback {
		return false
	}
	local, err := netip.ParseAddrPort(addr.String())
	called, callErr := netip.ParseAddr(host)
	return err == nil && callErr == nil && local.Addr().Unmap().WithZone("") == called.Unmap().WithZone("")
}

// isLocal tells whether whoever asks is on this machine. A proxy on this machine asks for others: it calls the server by its name, or says for
// whom it asks.
func (s *Server) isLocal(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(header)) > 0 {
			return false
		}
	}
	return s.loopback && isLoopbackHost(hostOf(r.Host))
}
