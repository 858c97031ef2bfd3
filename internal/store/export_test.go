package store

import "strings"

// Freeze ends the signs of life of a server and leaves everything else as it is: to the others it looks dead.
func (db *DB) Freeze() {
	db.member.end()
	<-db.member.done
}

// MigrationStatement is the statement of a migration that begins with some words.
func MigrationStatement(file, begins string) string {
	text, _ := migrationFiles.ReadFile("migrations/" + file) // an empty statement fails its test
	_, rest, _ := strings.Cut(string(text), begins)
	statement, _, _ := strings.Cut(rest, ";")
	return begins + statement
}
