package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

// stateDir is the folder where a process leaves for the next one what it spent: state_dir, or the user's own. Empty
// if there is none, which the budget then says.
func stateDir(configured string) string {
	if configured != "" {
		return configured
	}
	const name = "presence-gateway"
	if folder := os.Getenv("STATE_DIRECTORY"); folder != "" { // made by systemd for a unit with StateDirectory=
		first, _, _ := strings.Cut(folder, ":")
		return first
	}
	switch runtime.GOOS {
	case "windows", "darwin", "ios":
		if folder, err := os.UserConfigDir(); err == nil {
			return filepath.Join(folder, name)
		}
		return ""
	}
	if folder := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, name)
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", name)
	}
	return ""
}

// identity names the application and tenant whose budget is spent. Two deployments on one machine that read as
// different ones keep records apart; where that cannot be told, they wait for each other rather than spend twice.
func identity(g *config.Graph) string {
	return strings.ToLower(strings.Join([]string{g.Cloud, g.BaseURL, g.Credential.TenantID, g.Credential.ClientID}, "|"))
}
