// How many entries a second Tessera's POSIX log takes in, each caller waiting for its own.
//
// A caller adds an entry and waits until Tessera says its index: by then the POSIX driver has
// written the entry and the tree with it, and synced them. With -published it waits further, until
// a checkpoint that covers the entry can be read.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

type told struct {
	Entries int64   `json:"entries"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"`
}

func main() {
	folder := flag.String("dir", "", "a new folder for the log")
	seconds := flag.Float64("seconds", 5, "how long")
	callers := flag.Int("callers", 16, "callers at once, each with one entry under way")
	batch := flag.Uint("batch", 32, "entries in a batch at most")
	age := flag.Duration("age", 5*time.Millisecond, "how long a batch waits to be full")
	published := flag.Bool("published", false, "wait for a checkpoint that covers the entry")
	flag.Parse()
	if err := run(*folder, *seconds, *callers, *batch, *age, *published); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string, seconds float64, callers int, batch uint, age time.Duration, published bool) error {
	ctx := context.Background()
	signer, err := newSigner()
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: folder})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(batch, age).
		WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 10*time.Millisecond)

	var count atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	began := time.Now()
	until := began.Add(time.Duration(seconds * float64(time.Second)))
	for caller := range callers {
		all.Add(1)
		go func() {
			defer all.Done()
			for number := 0; time.Now().Before(until); number++ {
				future := appender.Add(ctx, tessera.NewEntry(leaf(caller, number)))
				_, err := future()
				if err == nil && published {
					_, _, err = awaiter.Await(ctx, future)
				}
				if err != nil {
					failed.Store(&err)
					return
				}
				count.Add(1)
			}
		}()
	}
	all.Wait()
	took := time.Since(began).Seconds()
	if err := failed.Load(); err != nil {
		return *err
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	entries := count.Load()
	return json.NewEncoder(os.Stdout).Encode(told{entries, took, float64(entries) / took})
}

// leaf is of the form and length of ours: a commitment that nobody can open.
func leaf(caller, number int) []byte {
	hashed := sha256.Sum256(fmt.Appendf(nil, "%d %d", caller, number))
	return fmt.Appendf(nil, `{"c":%q,"v":1}`, base64.StdEncoding.EncodeToString(hashed[:]))
}

func newSigner() (note.Signer, error) {
	private, _, err := note.GenerateKey(rand.Reader, "bench.example/tessera")
	if err != nil {
		return nil, err
	}
	return note.NewSigner(private)
}
