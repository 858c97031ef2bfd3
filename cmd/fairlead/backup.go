package main

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// A backup is a tar file: the database, the key, the images below imagesFolder and, last, the list of all with their
// checksums. A backup that was cut off has no list.
const (
	imagesFolder = "registry"
	listFile     = "backup.json"
	backupFormat = 1
)

// backupList is what a backup says of itself.
type backupList struct {
	Format  int               `json:"format"`
	Version string            `json:"version"`
	Time    time.Time         `json:"time"`
	Files   map[string]string `json:"files"` // SHA-256 by name
}

// backupPlaces is where a server keeps its things.
type backupPlaces struct {
	data, images           string
	withoutKey, onlyTables bool
}

func (p *backupPlaces) complete(env func(string) string) error {
	if url := env("FAIRLEAD_DATABASE_URL"); url != "" {
		return fairlead.Errorf(fairlead.Invalid, "FAIRLEAD_DATABASE_URL is set: a PostgreSQL database is backed up with pg_dump, beside the key file and the images; see docs/operations.md")
	}
	if p.data == "" {
		var err error
		if p.data, err = defaultData(env); err != nil {
			return err
		}
	}
	if p.images == "" {
		p.images = filepath.Join(p.data, imagesFolder)
	}
	return nil
}

func (p *backupPlaces) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.data, "data", "", "data directory of the server (default fairlead below $XDG_DATA_HOME or ~/.local/share)")
	cmd.Flags().StringVar(&p.images, "registry-dir", "", "directory of the images (default registry in the data directory)")
}

func newBackupCommand(a *app) *cobra.Command {
	var p backupPlaces
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write all that a server on SQLite keeps into one file; it may run meanwhile",
		Args: checkArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.complete(a.env); err != nil {
				return err
			}
			list, err := writeBackup(cmd.Context(), p, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s holds %d files of %s\n", args[0], len(list.Files), p.data)
			if err == nil && p.withoutKey {
				_, err = fmt.Fprintln(a.out, "The key is not in it. Without the key the secrets in it cannot be read.")
			}
			return err
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&p.withoutKey, "without-key", false, "leave the key out; keep it elsewhere")
	cmd.Flags().BoolVar(&p.onlyTables, "without-images", false, "leave the images out")
	return cmd
}

func newRestoreCommand(a *app) *cobra.Command {
	var p backupPlaces
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make a data directory from a backup",
		Args: checkArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.complete(a.env); err != nil {
				return err
			}
			list, err := readBackup(cmd.Context(), p, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s is as it was at %s: %d files\n", p.data, list.Time.Local().Format(time.DateTime), len(list.Files))
			if _, there := list.Files[store.KeyFile]; err == nil && !there {
				_, err = fmt.Fprintf(a.out, "The backup has no key: put the key file into %s before the server starts.\n", p.data)
			}
			return err
		},
	}
	p.flags(cmd)
	return cmd
}

// writeBackup writes a backup that appears whole or not at all.
func writeBackup(ctx context.Context, p backupPlaces, file string) (list backupList, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return list, fairlead.Errorf(fairlead.Conflict, "%s exists already: a backup replaces nothing", file)
	}
	draft, err := os.MkdirTemp(filepath.Dir(file), ".fairlead-backup-") // mode 0700
	if err != nil {
		return list, fairlead.Errorf(fairlead.Failed, "the backup cannot be written: %w", err)
	}
	defer os.RemoveAll(draft) //nolint:errcheck // a left-over is harmless
	// The database comes first. An image that is pushed after it is found by the scan when the restored server starts.
	tables := filepath.Join(draft, store.DatabaseFile)
	if err := store.Snapshot(ctx, p.data, tables); err != nil {
		return list, err
	}
	whole := filepath.Join(draft, "whole")
	out, err := os.OpenFile(whole, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return list, err
	}
	w := &backupWriter{tar: tar.NewWriter(out), list: backupList{
		Format: backupFormat, Version: buildVersion(), Time: time.Now().UTC(), Files: map[string]string{},
	}}
	err = w.all(ctx, p, tables)
	if err := errors.Join(err, w.tar.Close(), out.Sync(), out.Close()); err != nil {
		return list, fmt.Errorf("backup: %w", err)
	}
	return w.list, os.Rename(whole, file)
}

type backupWriter struct {
	tar  *tar.Writer
	list backupList
}

func (w *backupWriter) all(ctx context.Context, p backupPlaces, tables string) error {
	if err := w.add(store.DatabaseFile, tables); err != nil {
		return err
	}
	if !p.withoutKey {
		if err := w.add(store.KeyFile, filepath.Join(p.data, store.KeyFile)); err != nil {
			return err
		}
	}
	if !p.onlyTables {
		if err := w.images(ctx, p.images); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(w.list, "", "  ")
	if err != nil {
		return err
	}
	if err := w.tar.WriteHeader(&tar.Header{Name: listFile, Mode: 0o600, Size: int64(len(text)), ModTime: w.list.Time}); err != nil {
		return err
	}
	_, err = w.tar.Write(text)
	return err
}

// images adds what the registry keeps, but no upload that is under way.
func (w *backupWriter) images(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed since it was listed, or nothing was ever pushed
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && d.Name() == "_uploads":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		err = w.add(path.Join(imagesFolder, filepath.ToSlash(rel)), name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// add copies one file as long as it was when it was opened.
func (w *backupWriter) add(name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(w.tar, sum), f, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	w.list.Files[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// readBackup unpacks a backup beside its place, proves that it is whole, and moves it there.
func readBackup(ctx context.Context, p backupPlaces, file string) (list backupList, err error) {
	if _, err := os.Lstat(filepath.Join(p.data, store.DatabaseFile)); !errors.Is(err, fs.ErrNotExist) {
		return list, fairlead.Errorf(fairlead.Conflict, "data directory %s holds a database: a restore replaces nothing; name another --data, or move that one away", p.data)
	}
	lock, err := lockData(p.data)
	if err != nil {
		return list, err
	}
	defer func() { err = errors.Join(err, unlockData(lock)) }()
	in, err := os.Open(file)
	if err != nil {
		return list, fairlead.Errorf(fairlead.Invalid, "the backup cannot be read: %w", err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	draft, err := os.MkdirTemp(p.data, ".restore-")
	if err != nil {
		return list, err
	}
	defer os.RemoveAll(draft) //nolint:errcheck // a left-over is harmless
	if list, err = unpack(ctx, tar.NewReader(in), draft); err != nil {
		return list, fairlead.Errorf(fairlead.Invalid, "backup %s: %w", file, err)
	}
	if err := store.CheckFile(ctx, filepath.Join(draft, store.DatabaseFile)); err != nil {
		return list, err
	}
	return list, p.place(draft)
}

// unpack writes the files of a backup below a folder and compares them with the list.
func unpack(ctx context.Context, in *tar.Reader, dir string) (list backupList, err error) {
	found := map[string]string{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return list, errors.New("it has no list of its files: it was cut off, or it is no backup")
		}
		if err != nil {
			return list, err
		}
		if err := ctx.Err(); err != nil {
			return list, err
		}
		if h.Name == listFile {
			if err := json.NewDecoder(io.LimitReader(in, 1<<30)).Decode(&list); err != nil {
				return list, fmt.Errorf("its list cannot be read: %w", err)
			}
			return list, list.check(found)
		}
		known := h.Name == store.DatabaseFile || h.Name == store.KeyFile || strings.HasPrefix(h.Name, imagesFolder+"/")
		if h.Typeflag != tar.TypeReg || !known || !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return list, fmt.Errorf("it holds %q, which no backup has", h.Name)
		}
		if found[h.Name], err = unpackFile(in, filepath.Join(dir, filepath.FromSlash(h.Name))); err != nil {
			return list, err
		}
	}
}

func (l backupList) check(found map[string]string) error {
	if l.Format != backupFormat {
		return fmt.Errorf("its format is %d; this version reads %d", l.Format, backupFormat)
	}
	if _, there := l.Files[store.DatabaseFile]; !there || len(found) != len(l.Files) {
		return fmt.Errorf("it holds %d files, and its list names %d", len(found), len(l.Files))
	}
	for name, sum := range l.Files {
		if found[name] != sum {
			return fmt.Errorf("%s is damaged: its checksum is another", name)
		}
	}
	return nil
}

func unpackFile(in io.Reader, file string) (sum string, err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, out.Sync(), out.Close())
}

// place moves what was unpacked to where the server looks for it, the database last: without it there is no server yet.
func (p *backupPlaces) place(draft string) error {
	images := filepath.Join(draft, imagesFolder)
	if _, err := os.Stat(images); err == nil {
		if err := os.MkdirAll(filepath.Dir(p.images), 0o700); err != nil {
			return err
		}
		if err := os.Rename(images, p.images); err != nil {
			return fairlead.Errorf(fairlead.Conflict, "the images cannot be put to %s, which must not exist and must be on the disk of the data directory: %w", p.images, err)
		}
	}
	for _, name := range []string{store.KeyFile, store.DatabaseFile} {
		err := os.Rename(filepath.Join(draft, name), filepath.Join(p.data, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
