"""References and variables: values into the form."""
