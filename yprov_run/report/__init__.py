"""What a person looks at; one file per form."""
