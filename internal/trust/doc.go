// Package trust holds the certificate authorities that Graph and its login are judged by, as a file names them, and
// lets connections follow the file. A new authority is trusted by connections that begin after it was read; those that
// are open go on. A file that cannot be used leaves what was in force.
package trust
