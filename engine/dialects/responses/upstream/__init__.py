"""Chat clients over an upstream that speaks Responses: some models answer only there."""
