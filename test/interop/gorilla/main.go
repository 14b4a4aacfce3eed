// A gateway as WSO2's controller is one: dials with gorilla/websocket and the header api-key, waits for
// connection.ack as the first frame, then reads for ever, which answers pings. Prints what it sees, one line each.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	url := flag.String("url", "ws://127.0.0.1:8080/api/internal/v1/ws/gateways/connect", "where to connect")
	key := flag.String("key", "demo-key-acme", "API key")
	hold := flag.Duration("hold", 10*time.Second, "how long to stay")
	silent := flag.Bool("silent", false, "answer no ping")
	flag.Parse()

	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second}
	header := http.Header{}
	header.Add("api-key", *key)
	conn, response, err := dialer.Dial(*url, header)
	if err != nil {
		if response != nil {
			body, _ := io.ReadAll(response.Body)
			fmt.Printf("refused %d Retry-After=%q %s\n", response.StatusCode, response.Header.Get("Retry-After"), body)
		}
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	defer conn.Close()
	fmt.Printf("upgraded RateLimit=%q\n", response.Header.Get("RateLimit"))

	kind, data, err := conn.ReadMessage()
	var ack struct{ Type, GatewayId, ConnectionId, Timestamp string }
	if err != nil || kind != websocket.TextMessage || json.Unmarshal(data, &ack) != nil || ack.Type != "connection.ack" {
		fmt.Println("the first frame is no acknowledgement:", kind, string(data), err)
		os.Exit(1)
	}
	_, err = time.Parse(time.RFC3339, ack.Timestamp)
	fmt.Printf("acknowledged gateway=%s connection=%s timestamp=%s (RFC 3339: %v)\n",
		ack.GatewayId, ack.ConnectionId, ack.Timestamp, err == nil)

	pings := 0
	answer := conn.PingHandler()
	conn.SetPingHandler(func(text string) error {
		pings++
		if *silent {
			return nil
		}
		return answer(text)
	})
	opened := time.Now()
	conn.SetReadDeadline(opened.Add(*hold))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			fmt.Printf("after %v and %d pings: %v\n", time.Since(opened).Round(10*time.Millisecond), pings, err)
			return
		}
	}
}
