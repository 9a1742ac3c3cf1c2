// Package config reads the configuration of Presence Gateway: one YAML file, over which environment variables may
// be laid.
//
// It promises that every mistake is found before anything starts, all of them in one go, each with its file and
// line (or the variable's name), its key, what is wrong and what to write instead; that nothing is ignored in
// silence: what this release cannot do yet is refused by name; and that no secret can be written into the file, and
// no secret is repeated in an error.
//
// It reads the files that configuration names only as far as that is needed to refuse a bad one. What a valid
// configuration does is the business of the command that loaded it.
package config
