"""What a server really serves, compared with what ``resolve`` says: real TLS handshakes."""
