package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lookAt asks a gateway that runs on this machine, by its metrics, whether it reads presences now.
func lookAt(ctx context.Context, adminListen string) (reading bool, err error) {
	host, port, err := net.SplitHostPort(adminListen)
	if err != nil {
		return false, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/metrics", nil)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return false, errors.New(response.Status)
	}
	succeeded, degraded := 0.0, 0.0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case strings.HasPrefix(name, "presence_degraded{"):
			degraded += n
		case strings.HasPrefix(name, "presence_graph_requests_total{") && strings.Contains(name, `code="200"`):
			succeeded += n
		}
	}
	return succeeded > 0 && degraded == 0, lines.Err()
}
