package store

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// maxStatements bounds the prepared statements that a connection keeps.
const maxStatements = 500

// connector opens connections that keep their prepared statements, because preparing costs SQLite more than running most
// statements of ours and of River's.
type connector struct{ sqldriver.Connector }

func newConnector(dsn string) (sqldriver.Connector, error) {
	c, err := sqlite.NewConnector(dsn)
	return connector{c}, err
}

// rawConn is what a connection of the driver can do.
type rawConn interface {
	sqldriver.Conn
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.Pinger
	sqldriver.QueryerContext
	sqldriver.SessionResetter
	sqldriver.Validator
}

// rawStmt is what a prepared statement of the driver can do.
type rawStmt interface {
	sqldriver.Stmt
	sqldriver.StmtExecContext
	sqldriver.StmtQueryContext
}

func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(rawConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("store: driver connection %T cannot do all that it must", raw), raw.Close())
	}
	return &keepingConn{rawConn: conn, idle: map[string]rawStmt{}}, nil
}

// keepingConn is a connection with the statements that are prepared and not in use. It belongs to one goroutine at a time.
type keepingConn struct {
	rawConn
	idle map[string]rawStmt
}

func (c *keepingConn) Close() error {
	var errs []error
	for _, s := range c.idle {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.rawConn.Close())...)
}

// take returns a prepared statement that nobody uses, nil for a script of several statements.
func (c *keepingConn) take(ctx context.Context, query string) (rawStmt, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	if strings.Contains(strings.TrimRight(query, "; \n\t"), ";") {
		return nil, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	raw, ok := s.(rawStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("store: driver statement %T cannot do all that it must", s), s.Close())
	}
	return raw, nil
}

func (c *keepingConn) give(query string, s rawStmt) {
	if old, twice := c.idle[query]; twice {
		old.Close() //nolint:errcheck // the same statement was in use twice
	}
	if len(c.idle) >= maxStatements {
		for q, old := range c.idle {
			delete(c.idle, q)
			old.Close() //nolint:errcheck // only forgotten
			break
		}
	}
	c.idle[query] = s
}

// ExecContext runs a statement that was prepared before, or prepares it.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.rawConn.ExecContext(ctx, query, args)
	}
	res, err := s.ExecContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	c.give(query, s)
	return res, nil
}

// QueryContext runs a query that was prepared before, or prepares it. The statement is free again when the rows are closed.
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.rawConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &keepingRows{Rows: rows, conn: c, query: query, stmt: s}, nil
}

type keepingRows struct {
	sqldriver.Rows
	conn  *keepingConn
	query string
	stmt  rawStmt
}

func (r *keepingRows) Close() error {
	err := r.Rows.Close()
	if r.stmt == nil {
		return err
	}
	s := r.stmt
	r.stmt = nil
	if err != nil {
		return errors.Join(err, s.Close())
	}
	r.conn.give(r.query, s)
	return nil
}
