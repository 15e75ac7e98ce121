"""What an answer of the resolver means: reasons, the client's verdict, the table of a port."""
