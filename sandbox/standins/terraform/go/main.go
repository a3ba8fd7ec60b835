// A stand-in for Terraform's AWS provider: aws_db_instance alone, as terraform-provider-aws 5 has it. Terraform itself
// is the real one; what it reads, plans and imports goes to the sandbox's RDS by the AWS SDK.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/plugin"
)

// account is what the provider block configures.
type account struct {
	rds             *rds.Client
	ignoredPrefixes []string
}

func main() {
	plugin.Serve(&plugin.ServeOpts{ProviderFunc: provider})
}

func provider() *schema.Provider {
	flag := func() *schema.Schema { return &schema.Schema{Type: schema.TypeBool, Optional: true} }
	text := func() *schema.Schema { return &schema.Schema{Type: schema.TypeString, Optional: true} }
	block := func(fields map[string]*schema.Schema) *schema.Schema {
		return &schema.Schema{
			Type: schema.TypeList, Optional: true, MaxItems: 1, Elem: &schema.Resource{Schema: fields},
		}
	}
	return &schema.Provider{
		Schema: map[string]*schema.Schema{
			"region":                      {Type: schema.TypeString, Required: true},
			"skip_credentials_validation": flag(),
			"skip_metadata_api_check":     text(),
			"skip_region_validation":      flag(),
			"skip_requesting_account_id":  flag(),
			"endpoints":                   block(map[string]*schema.Schema{"rds": text(), "sts": text(), "ec2": text()}),
			"ignore_tags": block(map[string]*schema.Schema{
				"key_prefixes": {Type: schema.TypeSet, Optional: true, Elem: &schema.Schema{Type: schema.TypeString}},
			}),
		},
		ResourcesMap:         map[string]*schema.Resource{"aws_db_instance": instance()},
		ConfigureContextFunc: configure,
	}
}

func configure(ctx context.Context, data *schema.ResourceData) (any, diag.Diagnostics) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(data.Get("region").(string)))
	if err != nil {
		return nil, diag.FromErr(err)
	}
	made := account{rds: rds.NewFromConfig(loaded, func(options *rds.Options) {
		if endpoint := data.Get("endpoints.0.rds").(string); endpoint != "" {
			options.BaseEndpoint = aws.String(endpoint)
		}
	})}
	if prefixes, ok := data.GetOk("ignore_tags.0.key_prefixes"); ok {
		for _, prefix := range prefixes.(*schema.Set).List() {
			made.ignoredPrefixes = append(made.ignoredPrefixes, prefix.(string))
		}
	}
	return made, nil
}
