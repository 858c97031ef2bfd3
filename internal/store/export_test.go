package store

// Freeze ends the signs of life of a server and leaves everything else as it is: to the others it looks dead.
func (db *DB) Freeze() {
	db.member.end()
	<-db.member.done
}
