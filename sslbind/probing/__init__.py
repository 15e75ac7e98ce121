"""What a server really serves, held against what ``resolve`` says: real TLS handshakes."""
