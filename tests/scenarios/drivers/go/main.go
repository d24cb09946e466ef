// Runs the steps of one case file through the Go package, one JSON line for each step.
//
//	CORE_URL=... VIVIFIED_TOKEN=... driver CASE.json
//
// A case names arguments as the parity document does. Each method is spelled out here the way a
// person would call it, so that a change of its signature does not compile.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	vivified "github.com/vivified/go-sdk"
)

type step struct {
	Method string          `json:"method"`
	Args   json.RawMessage `json:"args"`
}

type outcome struct {
	OK     bool    `json:"ok"`
	Result any     `json:"result,omitempty"`
	Error  *string `json:"error,omitempty"`
	Code   *string `json:"code,omitempty"`
	Status *int    `json:"status,omitempty"`
}

type method func(context.Context, *vivified.VivifiedClient, json.RawMessage) (any, error)

var methods = map[string]method{
	"publish_event": publishEvent,
	"subscribe":     subscribe,
	"call_plugin":   callPlugin,
	"call_external": callExternal,
	"get_config":    getConfig,
	"set_config":    setConfig,
}

func publishEvent(ctx context.Context, client *vivified.VivifiedClient, raw json.RawMessage) (any, error) {
	var args struct {
		EventType    string               `json:"event_type"`
		Payload      map[string]any       `json:"payload"`
		DataTraits   []vivified.DataTrait `json:"data_traits"`
		ID           *string              `json:"id"`
		PartitionKey *string              `json:"partition_key"`
	}
	if err := read(raw, &args); err != nil {
		return nil, err
	}
	return client.PublishEvent(ctx, args.EventType, args.Payload, vivified.PublishEventOptional{
		DataTraits:   args.DataTraits,
		ID:           args.ID,
		PartitionKey: args.PartitionKey,
	})
}

func subscribe(ctx context.Context, client *vivified.VivifiedClient, raw json.RawMessage) (any, error) {
	var args struct {
		Name        string   `json:"name"`
		EventTypes  []string `json:"event_types"`
		MaxInFlight *int32   `json:"max_in_flight"`
	}
	if err := read(raw, &args); err != nil {
		return nil, err
	}
	optional := vivified.SubscribeOptional{MaxInFlight: args.MaxInFlight}
	return client.Subscribe(ctx, args.Name, args.EventTypes, optional)
}

func callPlugin(ctx context.Context, client *vivified.VivifiedClient, raw json.RawMessage) (any, error) {
	var args struct {
		PluginID  string `json:"plugin_id"`
		Operation string `json:"operation"`
		Input     any    `json:"input"`
	}
	if err := read(raw, &args); err != nil {
		return nil, err
	}
	return client.CallPlugin(ctx, args.PluginID, args.Operation, args.Input)
}

func callExternal(ctx context.Context, client *vivified.VivifiedClient, raw json.RawMessage) (any, error) {
	var args struct {
		URL        string                `json:"url"`
		Method     *vivified.ProxyMethod `json:"method"`
		Headers    map[string]string     `json:"headers"`
		Body       *string               `json:"body"`
		DataTraits []vivified.DataTrait  `json:"data_traits"`
	}
	if err := read(raw, &args); err != nil {
		return nil, err
	}
	return client.CallExternal(ctx, args.URL, vivified.CallExternalOptional{
		Method:     args.Method,
		Headers:    args.Headers,
		Body:       args.Body,
		DataTraits: args.DataTraits,
	})
}

func getConfig(ctx context.Context, client *vivified.VivifiedClient, raw json.RawMessage) (any, error) {
	var args struct {
		Key string `json:"key"`
	}
	if err := read(raw, &args); err != nil {
		return nil, err
	}
	return client.GetConfig(ctx, args.Key)
}

func setConfig(ctx context.Context, client *vivified.VivifiedClient, raw json.RawMessage) (any, error) {
	var args struct {
		Key     string  `json:"key"`
		Value   any     `json:"value"`
		IfMatch *string `json:"if_match"`
	}
	if err := read(raw, &args); err != nil {
		return nil, err
	}
	return client.SetConfig(ctx, args.Key, args.Value, vivified.SetConfigOptional{IfMatch: args.IfMatch})
}

// read refuses an argument that this driver does not know, so that none is dropped unseen.
func read(raw json.RawMessage, args any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	return decoder.Decode(args)
}

// classes are those every SDK has, before those of single codes.
var classes = []*vivified.ErrorClass{
	vivified.ErrAuthentication,
	vivified.ErrAuthorization,
	vivified.ErrValidation,
	vivified.ErrCommunication,
	vivified.ErrVivified,
}

func run(ctx context.Context, client *vivified.VivifiedClient, step step) (outcome, error) {
	call, known := methods[step.Method]
	if !known {
		return outcome{}, fmt.Errorf("no method %s", step.Method)
	}
	result, err := call(ctx, client, step.Args)
	if err == nil {
		return outcome{OK: true, Result: result}, nil
	}
	for _, class := range classes {
		if !errors.Is(err, class) {
			continue
		}
		failed := outcome{Error: vivified.Ptr(class.Name())}
		var refused *vivified.APIError
		if errors.As(err, &refused) {
			failed.Code, failed.Status = &refused.Code, &refused.Status
		}
		return failed, nil
	}
	return outcome{}, err
}

func main() {
	log.SetFlags(0)
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var scenario struct {
		Steps []step `json:"steps"`
	}
	if err := json.Unmarshal(text, &scenario); err != nil {
		log.Fatal(err)
	}
	client, err := vivified.NewVivifiedClient(vivified.WithBaseURL(os.Getenv("CORE_URL")))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	lines := json.NewEncoder(os.Stdout)
	for _, step := range scenario.Steps {
		line, err := run(context.Background(), client, step)
		if err != nil {
			log.Fatal(err)
		}
		if err := lines.Encode(line); err != nil {
			log.Fatal(err)
		}
	}
}
