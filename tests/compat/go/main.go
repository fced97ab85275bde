// Lists the topics that a client of franz-go sees, one a line. Reads how to connect as JSON from stdin.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/kerberos"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const patience = 20 * time.Second

// way says how to connect; secret is a password or a token, and names of files are empty where there is none.
type way struct {
	Bootstrap, Mechanism, User, Secret   string
	IsToken                              bool
	Authority, Certificate, Keytab, Krb5 string
	Realm                                string
}

func main() {
	var its way
	err := json.NewDecoder(os.Stdin).Decode(&its)
	if err == nil {
		err = list(its)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(its way) error {
	transport, err := its.tls()
	if err != nil {
		return err
	}
	options := []kgo.Opt{kgo.SeedBrokers(its.Bootstrap), kgo.DialTLSConfig(transport), kgo.RequestRetries(0)}
	if its.Mechanism != "" {
		mechanism, err := its.mechanism()
		if err != nil {
			return err
		}
		options = append(options, kgo.SASL(mechanism))
	}
	cluster, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, cluster)
	if err != nil {
		return err
	}
	for _, topic := range answer.Topics {
		fmt.Println(*topic.Topic)
	}
	return nil
}

func (its way) tls() (*tls.Config, error) {
	text, err := os.ReadFile(its.Authority)
	if err != nil {
		return nil, err
	}
	trust := x509.NewCertPool()
	if !trust.AppendCertsFromPEM(text) {
		return nil, errors.New("no certificate of an authority in " + its.Authority)
	}
	found := &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}
	if its.Certificate != "" {
		own, err := tls.LoadX509KeyPair(its.Certificate, its.Certificate)
		if err != nil {
			return nil, err
		}
		found.Certificates = []tls.Certificate{own}
	}
	return found, nil
}

func (its way) mechanism() (sasl.Mechanism, error) {
	switch its.Mechanism {
	case "PLAIN":
		return plain.Auth{User: its.User, Pass: its.Secret}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: its.User, Pass: its.Secret, IsToken: its.IsToken}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: its.User, Pass: its.Secret, IsToken: its.IsToken}.AsSha512Mechanism(), nil
	case "OAUTHBEARER":
		return oauth.Auth{Token: its.Secret}.AsMechanism(), nil
	case "GSSAPI":
		return its.tickets()
	}
	return nil, errors.New("no such mechanism: " + its.Mechanism)
}

func (its way) tickets() (sasl.Mechanism, error) {
	realms, err := config.Load(its.Krb5)
	if err != nil {
		return nil, err
	}
	keys, err := keytab.Load(its.Keytab)
	if err != nil {
		return nil, err
	}
	user := client.NewWithKeytab(its.User, its.Realm, keys, realms, client.DisablePAFXFAST(true))
	return kerberos.Auth{Client: user, Service: "kafka", PersistAfterAuth: true}.AsMechanism(), nil
}
