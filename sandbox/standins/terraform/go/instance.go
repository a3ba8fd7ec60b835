package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

const (
	usable  = "available"
	timeout = 10 * time.Minute
)

// resourceID is what the provider takes for a DbiResourceId, and all else for an identifier (findDBInstanceByID in its
// internal/service/rds/instance.go).
var resourceID = regexp.MustCompile(`^db-[0-9A-Z]{2,255}$`)

func instance() *schema.Resource {
	kept := func(kind schema.ValueType) *schema.Schema {
		return &schema.Schema{Type: kind, Optional: true, Computed: true}
	}
	fixed := func() *schema.Schema {
		return &schema.Schema{Type: schema.TypeString, Optional: true, Computed: true, ForceNew: true}
	}
	return &schema.Resource{
		CreateContext: create,
		ReadContext:   read,
		UpdateContext: update,
		DeleteContext: remove,
		Importer:      &schema.ResourceImporter{StateContext: adopt},
		Schema: map[string]*schema.Schema{
			"identifier":               kept(schema.TypeString),
			"instance_class":           {Type: schema.TypeString, Required: true},
			"engine":                   fixed(),
			"allocated_storage":        kept(schema.TypeInt),
			"username":                 fixed(),
			"backup_retention_period":  kept(schema.TypeInt),
			"skip_final_snapshot":      {Type: schema.TypeBool, Optional: true},
			"delete_automated_backups": {Type: schema.TypeBool, Optional: true, Default: true},
			"tags":                     {Type: schema.TypeMap, Optional: true, Elem: &schema.Schema{Type: schema.TypeString}},
			"resource_id":              {Type: schema.TypeString, Computed: true},
		},
	}
}

func create(_ context.Context, _ *schema.ResourceData, _ any) diag.Diagnostics {
	return diag.Errorf("this stand-in makes no instance: import one")
}

// adopt sets what no API call tells, as the provider does.
func adopt(_ context.Context, data *schema.ResourceData, _ any) ([]*schema.ResourceData, error) {
	return []*schema.ResourceData{data}, errors.Join(
		data.Set("skip_final_snapshot", true),
		data.Set("delete_automated_backups", true),
	)
}

func read(ctx context.Context, data *schema.ResourceData, meta any) diag.Diagnostics {
	known := meta.(account)
	found, err := find(ctx, known.rds, data.Id())
	if err != nil {
		return diag.FromErr(err)
	}
	if found == nil {
		data.SetId("")
		return nil
	}
	data.SetId(aws.ToString(found.DbiResourceId))
	tags := map[string]string{}
	for _, tag := range found.TagList {
		if !known.ignores(aws.ToString(tag.Key)) {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return diag.FromErr(errors.Join(
		data.Set("identifier", found.DBInstanceIdentifier),
		data.Set("instance_class", found.DBInstanceClass),
		data.Set("engine", found.Engine),
		data.Set("allocated_storage", found.AllocatedStorage),
		data.Set("username", found.MasterUsername),
		data.Set("backup_retention_period", found.BackupRetentionPeriod),
		data.Set("resource_id", found.DbiResourceId),
		data.Set("tags", tags),
	))
}

func (known account) ignores(key string) bool {
	for _, prefix := range known.ignoredPrefixes {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// find returns nil where there is no such instance.
func find(ctx context.Context, client *rds.Client, id string) (*types.DBInstance, error) {
	asked := &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(id)}
	if resourceID.MatchString(id) {
		asked = &rds.DescribeDBInstancesInput{
			Filters: []types.Filter{{Name: aws.String("dbi-resource-id"), Values: []string{id}}},
		}
	}
	answer, err := client.DescribeDBInstances(ctx, asked)
	var gone *types.DBInstanceNotFoundFault
	if errors.As(err, &gone) || err == nil && len(answer.DBInstances) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &answer.DBInstances[0], nil
}

func update(ctx context.Context, data *schema.ResourceData, meta any) diag.Diagnostics {
	known := meta.(account)
	if data.HasChange("tags") {
		if err := retag(ctx, data, known.rds); err != nil {
			return diag.FromErr(err)
		}
	}
	former, wanted := data.GetChange("identifier")
	change := &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String(former.(string)),
		ApplyImmediately:     aws.Bool(true),
	}
	if former != wanted {
		change.NewDBInstanceIdentifier = aws.String(wanted.(string))
	}
	if data.HasChange("instance_class") {
		change.DBInstanceClass = aws.String(data.Get("instance_class").(string))
	}
	if data.HasChange("allocated_storage") {
		change.AllocatedStorage = aws.Int32(int32(data.Get("allocated_storage").(int)))
	}
	if data.HasChange("backup_retention_period") {
		change.BackupRetentionPeriod = aws.Int32(int32(data.Get("backup_retention_period").(int)))
	}
	if data.HasChangesExcept("tags", "skip_final_snapshot", "delete_automated_backups") {
		if _, err := known.rds.ModifyDBInstance(ctx, change); err != nil {
			return diag.FromErr(err)
		}
	}
	settled := func(found *types.DBInstance) bool {
		return found != nil && aws.ToString(found.DBInstanceStatus) == usable &&
			aws.ToString(found.DBInstanceIdentifier) == wanted.(string)
	}
	if err := wait(ctx, known.rds, data.Id(), settled); err != nil {
		return diag.FromErr(err)
	}
	return read(ctx, data, meta)
}

func retag(ctx context.Context, data *schema.ResourceData, client *rds.Client) error {
	found, err := find(ctx, client, data.Id())
	if err != nil {
		return err
	}
	if found == nil {
		return errors.New(data.Id() + " is gone")
	}
	former, wanted := data.GetChange("tags")
	var lost []string
	for key := range former.(map[string]any) {
		if _, stays := wanted.(map[string]any)[key]; !stays {
			lost = append(lost, key)
		}
	}
	if len(lost) > 0 {
		untag := &rds.RemoveTagsFromResourceInput{ResourceName: found.DBInstanceArn, TagKeys: lost}
		if _, err := client.RemoveTagsFromResource(ctx, untag); err != nil {
			return err
		}
	}
	var kept []types.Tag
	for key, value := range wanted.(map[string]any) {
		kept = append(kept, types.Tag{Key: aws.String(key), Value: aws.String(value.(string))})
	}
	if len(kept) == 0 {
		return nil
	}
	_, err = client.AddTagsToResource(ctx, &rds.AddTagsToResourceInput{ResourceName: found.DBInstanceArn, Tags: kept})
	return err
}

func remove(ctx context.Context, data *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(account).rds
	_, err := client.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
		DBInstanceIdentifier:   aws.String(data.Get("identifier").(string)),
		SkipFinalSnapshot:      aws.Bool(data.Get("skip_final_snapshot").(bool)),
		DeleteAutomatedBackups: aws.Bool(data.Get("delete_automated_backups").(bool)),
	})
	if err != nil {
		return diag.FromErr(err)
	}
	return diag.FromErr(wait(ctx, client, data.Id(), func(found *types.DBInstance) bool { return found == nil }))
}

func wait(ctx context.Context, client *rds.Client, id string, done func(*types.DBInstance) bool) error {
	return retry.RetryContext(ctx, timeout, func() *retry.RetryError {
		found, err := find(ctx, client, id)
		if err != nil {
			return retry.NonRetryableError(err)
		}
		if !done(found) {
			return retry.RetryableError(errors.New(id + " is not yet as wanted"))
		}
		return nil
	})
}
