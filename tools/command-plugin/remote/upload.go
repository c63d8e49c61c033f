package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"
)

func (in CopyToRemoteInputs) upload(ctx context.Context) error {
	client, err := in.Connection.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = client.Client.Close() })()

	err = in.uploadOver(client)
	if ctx.Err() != nil {
		err = fmt.Errorf("stopped (%w): %w", context.Cause(ctx), orUnknown(err))
	} else if cause := client.alive.gaveUp(); cause != nil {
		err = fmt.Errorf("%w: %w", cause, orUnknown(err))
	}
	if err != nil {
		return fmt.Errorf("%s: copying to %s: %w", client.address, in.RemotePath, err)
	}
	return nil
}

func (in CopyToRemoteInputs) uploadOver(client *client) error {
	// Writes in flight at once leave holes in a file where one fails; then the
	// copy has failed anyway.
	remote, err := sftp.NewClient(client.Client, sftp.UseConcurrentWrites(true))
	if err != nil {
		return fmt.Errorf("no SFTP: %w", err)
	}
	defer func() { _ = remote.Close() }()
	target := tree{remote}

	if in.Source.Asset != nil && in.Source.Asset.IsText() {
		return target.text(in.Source.Asset.Text, in.RemotePath)
	}
	source := ""
	if in.Source.Asset != nil {
		source = in.Source.Asset.Path
	} else {
		source = in.Source.Archive.Path
	}
	found, err := os.Stat(source)
	if err != nil {
		return err
	}
	if !found.IsDir() {
		return target.file(source, in.RemotePath)
	}
	return target.directory(source, in.RemotePath)
}

// tree is the file system at the other end.
type tree struct{ *sftp.Client }

func (t tree) text(text, destination string) error {
	existing, err := t.stat(destination)
	if err != nil {
		return err
	}
	if existing != nil && existing.IsDir() {
		return errors.New("it is a directory there; a text needs the path of a file")
	}
	return t.write(strings.NewReader(text), destination)
}

// file copies one file: into a directory that exists, else to the path itself.
func (t tree) file(source, destination string) error {
	existing, err := t.stat(destination)
	if err != nil {
		return err
	}
	if existing != nil && existing.IsDir() {
		destination = path.Join(destination, filepath.Base(source))
	}
	return t.copyFile(source, destination)
}

// directory copies a directory into the destination; given with a trailing
// slash, its contents. Files that are only there stay.
func (t tree) directory(source, destination string) error {
	if !strings.HasSuffix(source, "/") {
		destination = path.Join(destination, filepath.Base(source))
	}
	return fs.WalkDir(os.DirFS(source), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return t.mkdir(path.Join(destination, name))
		}
		return t.copyFile(filepath.Join(source, name), path.Join(destination, name))
	})
}

func (t tree) copyFile(source, destination string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return t.write(file, destination)
}

func (t tree) write(content io.Reader, destination string) error {
	if err := t.mkdir(path.Dir(destination)); err != nil {
		return err
	}
	file, err := t.Create(destination)
	if err != nil {
		return fmt.Errorf("cannot create %s: %w", destination, err)
	}
	_, err = file.ReadFrom(content)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", destination, err)
	}
	return nil
}

func (t tree) mkdir(directory string) error {
	if err := t.MkdirAll(directory); err != nil {
		return fmt.Errorf("cannot make directory %s: %w", directory, err)
	}
	return nil
}

// stat returns nil where there is nothing.
func (t tree) stat(name string) (fs.FileInfo, error) {
	found, err := t.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look at %s: %w", name, err)
	}
	return found, nil
}
